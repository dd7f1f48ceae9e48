import { differencesBetween } from '../../src/core/spec/differences.ts';
import { budgetsOf } from '../../src/core/spec/spec.ts';
import { counted } from '../around.ts';
import { duration } from '../progress.ts';
import { endOf, stopMessage } from '../run-folder.ts';
import { type Axis, type Extent, type Series, chart, colourOf, swatch } from './chart.ts';
import { type Found } from './collect.ts';
import { type Group, type Spread, adapterOf, groupsOf } from './groups.ts';
import { type Markup, html } from './html.ts';
import { STYLE } from './style.ts';

const LATENCY_BATCH = 64;
const NONE = '–';

/** One HTML file about these runs: no script, nothing from anywhere else. */
export function reportPage(found: readonly Found[], title: string): string {
  const groups = groupsOf(found);
  const adapters = [...new Set(found.map(adapterOf))];
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p>
            ${counted(found.length, 'run')} of ${counted(groups.length, 'spec')} on ${adapters.join('; ')}. Runs whose
            specs differ by name and seed alone are one row: mean (least to most).
          </p>
          ${adapters.length > 1 ? html`<p class="notice">The runs come from ${adapters.length} adapters. Latencies, images/s and wall times of different adapters do not compare, and equal seeds give slightly different losses on them; each adapter has rows of its own.</p>` : null}
          <h2>Results</h2>
          ${resultTable(groups, adapters.length > 1)} ${charts(groups)}
          <h2>Runs</h2>
          ${runTable(found)}
          <h2>Specs</h2>
          ${specs(groups)}
          <p class="foot">
            Written by Espalier from result.json files. MACs are multiply-adds of convolutions and dense layers for one
            image; parameters are their weights; shares are of the dense network. Latency is the median wall-clock time
            of the compact network. Test images choose nothing.
          </p>
        </main>
      </body>
    </html> `.text;
}

function resultTable(groups: readonly Group[], several: boolean): Markup {
  return html`<div class="scroll" role="region" aria-label="Results" tabindex="0">
    <table id="results">
      <thead>
        <tr>
          <th scope="col">Spec</th>
          <th scope="col">Scheme</th>
          <th scope="col">Budget</th>
          <th scope="col">Model</th>
          ${several ? html`<th scope="col">Adapter</th>` : null}
          <th scope="col">Seeds</th>
          <th scope="col">Test accuracy</th>
          <th scope="col">MACs</th>
          <th scope="col">Share</th>
          <th scope="col">Parameters</th>
          <th scope="col">Share</th>
          <th scope="col">Latency of 1</th>
          <th scope="col">Latency of ${LATENCY_BATCH}</th>
          <th scope="col">Images/s</th>
          <th scope="col">Wall time</th>
        </tr>
      </thead>
      <tbody>
        ${groups.map((group, i) => {
          const { spec, macs, parameters, runs, latency } = group;
          const dense = runs[0]?.result.final.dense;
          const ended = runs.filter(({ result }) => endOf(result) === 'done').length;
          const fewer = ended < runs.length ? ` (${ended} of ${runs.length} finished)` : '';
          return html`<tr>
            <th scope="row">${key(i + 1)} ${group.name}</th>
            <td>${spec.scheme.id}</td>
            <td>${budgetText(group)}</td>
            <td>${modelText(group)}</td>
            ${several ? html`<td>${group.adapter}</td>` : null}
            <td>${group.seeds.join(', ')}${fewer}</td>
            <td>${spreadText(group.accuracy, percents)}</td>
            <td>${spreadText(macs, whole)}</td>
            <td>${shareText(macs, dense?.macs)}</td>
            <td>${spreadText(parameters, whole)}</td>
            <td>${shareText(parameters, dense?.parameters)}</td>
            <td>${spreadText(latency.get(1) ?? null, milliseconds)}</td>
            <td>${spreadText(latency.get(LATENCY_BATCH) ?? null, milliseconds)}</td>
            <td>${spreadText(group.imagesPerSecond, whole)}</td>
            <td>${spreadText(group.wallSeconds, seconds)}</td>
          </tr> `;
        })}
      </tbody>
    </table>
  </div> `;
}

function charts(groups: readonly Group[]): Markup {
  const accuracy: Axis = { title: 'Test accuracy', format: percents };
  const against = (title: string, x: Axis, of: (group: Group) => Spread | null): Markup | null =>
    chart({
      title,
      x,
      y: accuracy,
      kind: 'points',
      series: groups.map((group, i): Series => {
        const [across, up] = [extentOf(of(group)), extentOf(group.accuracy)];
        return { number: i + 1, name: group.name, points: across && up ? [{ x: across, y: up }] : [] };
      }),
    });
  return html`<div class="charts">
    ${[
      against('Accuracy against MACs', { title: 'MACs', format: short }, ({ macs }) => macs),
      against('Accuracy against parameters', { title: 'Parameters', format: short }, ({ parameters }) => parameters),
      against(
        'Accuracy against latency',
        { title: `Latency of a batch of ${LATENCY_BATCH}, ms`, format: short },
        ({ latency }) => latency.get(LATENCY_BATCH) ?? null,
      ),
      chart({
        title: 'Accuracy over steps',
        x: { title: 'Step', format: short },
        y: accuracy,
        kind: 'lines',
        series: groups.map(({ name, curve }, i) => ({
          number: i + 1,
          name,
          points: curve.map((point) => ({
            x: { at: point.step, min: point.step, max: point.step },
            y: asExtent(point.accuracy),
          })),
        })),
      }),
    ]}
  </div> `;
}

function runTable(found: readonly Found[]): Markup {
  return html`<div class="scroll" role="region" aria-label="Runs" tabindex="0">
    <table id="runs">
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">Folder</th>
          <th scope="col">State</th>
          <th scope="col">Seed</th>
          <th scope="col">Steps</th>
          <th scope="col">Test accuracy</th>
          <th scope="col">Test loss</th>
          <th scope="col">MACs</th>
          <th scope="col">Parameters</th>
          <th scope="col">Latency of ${LATENCY_BATCH}</th>
          <th scope="col">Images/s</th>
          <th scope="col">Wall time</th>
          <th scope="col">Adapter</th>
        </tr>
      </thead>
      <tbody>
        ${found.map((one) => {
          const { directory, result } = one;
          const { final, spec, history, wallSeconds } = result;
          const median = final.latencyMs.find(({ batch }) => batch === LATENCY_BATCH)?.median;
          const message = stopMessage(result.events);
          return html`<tr>
            <th scope="row">${spec.name}</th>
            <td>${directory}</td>
            <td>${endOf(result)}${message === undefined ? null : html`: ${message}`}</td>
            <td>${spec.seed}</td>
            <td>${history.at(-1)?.step ?? 0}</td>
            <td>${valueText(final.testAccuracy, percents)}</td>
            <td>${valueText(final.testLoss, (loss) => loss.toFixed(4))}</td>
            <td>${whole(final.macs)}</td>
            <td>${whole(final.parameters)}</td>
            <td>${valueText(median, milliseconds)}</td>
            <td>${whole(final.imagesPerSecond)}</td>
            <td>${valueText(wallSeconds, seconds)}</td>
            <td>${adapterOf(one)}</td>
          </tr> `;
        })}
      </tbody>
    </table>
  </div> `;
}

function specs(groups: readonly Group[]): Markup {
  const differences = groups.length > 1 ? differencesBetween(groups.map(({ spec }) => spec)) : [];
  const table = html`<div class="scroll" role="region" aria-label="Specs" tabindex="0">
    <table id="differences">
      <thead>
        <tr>
          <th scope="col">Key</th>
          ${groups.map(({ name }, i) => html`<th scope="col">${key(i + 1)} ${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${differences
          .filter(({ path }) => path !== 'seed')
          .map(
            ({ path, values }) =>
              html`<tr>
                <th scope="row">${path}</th>
                ${values.map((value) => html`<td>${value}</td>`)}
              </tr> `,
          )}
      </tbody>
    </table>
  </div> `;
  return html`${differences.length > 0 ? table : null}
  ${groups.map(
    ({ name, spec, seeds }, i) =>
      html`<details>
        <summary>${key(i + 1)} ${name} (seeds ${seeds.join(', ')})</summary>
        <pre>${JSON.stringify(spec, null, 2)}</pre>
      </details> `,
  )}`;
}

/** The mark, colour and number by which charts know a group. */
const key = (number: number): Markup =>
  html`<svg class="key s${colourOf(number)}" viewBox="0 0 14 14" aria-hidden="true">${swatch(number, 7, 7)}</svg
    >${number}.`;

const budgetText = ({ spec }: Group): string =>
  budgetsOf(spec.scheme.budget)
    .map(({ kind, keep }) => `${percents(keep)} of ${kind === 'macs' ? 'MACs' : kind}`)
    .join(', ') || NONE;

const modelText = ({ spec }: Group): string =>
  `${spec.model.id}${spec.model.width === 1 ? '' : ` x ${spec.model.width}`}`;

const asExtent = ({ mean, min, max }: Spread): Extent => ({ at: mean, min, max });
const extentOf = (spread: Spread | null): Extent | null => spread && asExtent(spread);

const valueText = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? NONE : format(value);

function spreadText(spread: Spread | null, format: (value: number) => string): Markup | string {
  if (!spread) return NONE;
  const { mean, min, max } = spread;
  if (min === max) return format(mean);
  return html`${format(mean)} <span class="range">(${format(min)} to ${format(max)})</span>`;
}

const shareText = (spread: Spread | null, dense: number | undefined): Markup | string =>
  spread && dense
    ? spreadText({ ...spread, mean: spread.mean / dense, min: spread.min / dense, max: spread.max / dense }, percents)
    : NONE;

const percents = (share: number): string => `${(100 * share).toFixed(2).replace(/\.?0+$/, '')} %`;
const whole = (value: number): string => Math.round(value).toLocaleString('en');
const milliseconds = (value: number): string => `${Number(value.toPrecision(3))} ms`;
const seconds = (value: number): string => duration(1_000 * value);

/** As few digits as an axis needs. */
function short(value: number): string {
  const units = [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const;
  const [size, unit] = units.find(([least]) => Math.abs(value) >= least) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${unit}`;
}
