import { Button } from '@mantine/core';
import { percent } from '../widgets/format.ts';
import { RunName } from '../widgets/RunName.tsx';
import type { Cost, Dot } from './dots.ts';

/** The dots as a table, the cheapest first; a step's button shows the run there. */
export const ParetoTable = ({
  title,
  cost,
  dots,
  racing,
  onShow,
}: {
  title: string;
  cost: Cost;
  dots: readonly Dot[];
  racing: boolean;
  onShow: (run: number, step: number) => void;
}) => (
  <div className="chart-table" tabIndex={0} role="region" aria-label={`${title} as a table`}>
    <table>
      <thead>
        <tr>
          {racing && (
            <th scope="col" className="left">
              Run
            </th>
          )}
          <th scope="col">Step</th>
          <th scope="col">Test accuracy</th>
          <th scope="col">{cost.title}</th>
          <th scope="col">of dense</th>
          <th scope="col">On the front</th>
        </tr>
      </thead>
      <tbody>
        {[...dots]
          .sort((a, b) => a.cost - b.cost || a.step - b.step)
          .map((dot) => (
            <tr key={`${dot.run} ${dot.step}`}>
              {racing && (
                <td className="left">
                  <RunName lane={{ colour: dot.colour, spec: { name: dot.name } }} />
                </td>
              )}
              <th scope="row">
                <Button
                  size="compact-xs"
                  variant="subtle"
                  aria-label={`Show ${dot.name} at step ${dot.step}`}
                  onClick={() => onShow(dot.run, dot.step)}
                >
                  {dot.step.toLocaleString('en')}
                </Button>
              </th>
              <td>{percent(dot.accuracy)}</td>
              <td>{cost.text(dot.cost)}</td>
              <td>{dot.ratio === null ? '–' : percent(dot.ratio)}</td>
              <td>{dot.front ? 'yes' : 'no'}</td>
            </tr>
          ))}
      </tbody>
    </table>
  </div>
);
