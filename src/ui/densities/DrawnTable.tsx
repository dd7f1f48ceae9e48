import type { DrawnNetwork } from './drawn-networks.ts';

/** The drawings as a table: channels of every convolution. */
export const DrawnTable = ({ drawn }: { drawn: readonly DrawnNetwork[] }) => (
  <div className="chart-table" tabIndex={0} role="region" aria-label="Drawn to width as a table">
    <table>
      <thead>
        <tr>
          <th scope="col">Layer</th>
          {drawn.map(({ title }) => (
            <th scope="col" key={title}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {drawn[0]?.layers?.map(({ layer }, index) => (
          <tr key={layer}>
            <th scope="row">{layer}</th>
            {drawn.map(({ title, layers }) => (
              <td key={title}>{layers?.[index]?.width ?? '–'}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
