import { AGREEMENT, worst } from '../../src/lab/agreement.ts';
import { counted } from '../around.ts';
import { type Spread, spreadOf } from '../report/groups.ts';
import { accuracyOf, byAccuracy, orderingOf } from './claims.ts';
import type { Member, Method, Results } from './data.ts';
import { REPORTED } from './papers.ts';

/** Which pairs say something by themselves: does the second part of a scheme, or another budget, make a difference? */
const QUESTIONS: readonly (readonly [question: string, first: string, second: string])[] = [
  ['Does regrowing help CHEX?', 'CHEX', 'CHEX, regrowing off'],
  ['Is CHEX better than the same share of every layer from the start?', 'CHEX', 'Uniform width'],
  ['Is CHEX better than pruning once, half-way, by L1 norm?', 'CHEX', 'L1 norm'],
  ['Are SynExp’s layer widths better than uniform ones?', 'PreCrop, SynExp by MACs', 'Uniform width'],
  ['Does it matter which budget SynExp solves for?', 'PreCrop, SynExp by parameters', 'PreCrop, SynExp by MACs'],
  ['Does the particle filter choose better maps than the L1 norm?', 'Structured sparsity, maps', 'L1 norm'],
  [
    'Are few maps and strided kernels better than half of the maps?',
    'Structured sparsity, maps and stride',
    'Structured sparsity, maps',
  ],
];

/** The page in Markdown, all of it from the results. */
export function resultsPage(results: Results): string {
  const { id, methods, check, dense } = results;
  const [first] = methods;
  if (!first) throw new Error('There are no results.');
  const { model, data, train } = first.spec;
  const seeds = first.runs.map(({ seed }) => seed);
  const epochs = train.epochs === undefined ? counted(train.steps ?? NaN, 'step') : counted(train.epochs, 'epoch');
  const software = /llvmpipe|swiftshader|lavapipe/i.test(results.adapter);
  const ordered = byAccuracy(methods);
  const small = data.train < 50_000;
  return `<!-- Written by "npm run results -- ${id}" from ${id}.json: change the specs or bin/results, not this file. -->

# ${model.id} at half the MACs

${
  small || software
    ? `**A small experiment${software ? ', without a GPU' : ''}**: ${thousands(data.train)} training images of 50,000 and ${epochs}. It shows what the schemes do to a small
network in a short training. It is no reproduction of a paper, and says nothing about long training of large networks.
`
    : ''
}
| | |
| --- | --- |
| network | \`${model.id}\`${model.width === 1 ? '' : ` at ${model.width} of its width`}: ${millions(dense.macs)} MACs, ${thousands(dense.parameters)} weights |
| images | ${thousands(data.train)} for training, of which ${thousands(data.holdOut)} are held out to score masks; accuracy is on ${thousands(data.test)} test images, which choose nothing |
| training | ${epochs}, batch ${train.batchSize}, SGD, momentum ${train.momentum}${train.nesterov ? ' (Nesterov)' : ''}, learning rate ${train.learningRate}, ${train.schedule}, weight decay ${train.weightDecay}, ${train.augment.join(' and ') || 'no augmentation'}: the same for all |
| seeds | ${seeds.join(', ')}: initial weights, order and augmentation of the images, what schemes draw |
| adapter | ${results.adapter} |
| processor that wrote this | ${results.processor} |
| specs | [specs/${id}](specs/${id}): one file a method |

${figureLine(id)}
## What came out

Mean over ${counted(seeds.length, 'seed')}, with the least and the most. Shares are of the dense network. Latency, speed and wall time are of this
adapter, and of whatever else its machine was doing; wall time is that of a whole run, searches for masks and evaluations included.

| method | test accuracy | MACs | parameters | latency of 64 images | training speed at the end | wall time of a run |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${ordered.map((method) => rowOf(method, dense)).join('\n')}

## What can be told apart

Two methods are told apart where their means differ by more than the larger of their two spreads (most less least over the seeds) and every run
of one is above every run of the other. Three seeds are few; this guards against reading noise, it is no significance test.

${QUESTIONS.flatMap((question) => answerTo(question, methods)).join('\n')}

Mean of the row's method less mean of the column's, in percentage points; only where they are told apart, else a dot.

| | ${ordered.map((_, i) => i + 1).join(' | ')} |
| --- | ${ordered.map(() => '---:').join(' | ')} |
${ordered.map((method, i) => `| ${i + 1}. ${method.name} | ${ordered.map((other) => cellOf(method, other)).join(' | ')} |`).join('\n')}

## What the papers report

Of other networks, on other data or after far longer training, so beside these numbers, not against them.

| method | reported | read in |
| --- | --- | --- |
${REPORTED.map(({ method, statement, read }) => `| ${method} | ${statement} | ${read} |`).join('\n')}

## Independent check

${checkText(check)}
## Again

\`\`\`sh
npm run results -- ${id}
\`\`\`

makes what is not there yet (in \`results/${id}\`, which git ignores), runs and check, and writes this page, its figure and
[${id}.json](${id}.json), which holds every number. The same adapter gives the same accuracies to the last digit; another rounds
differently, and single runs then end elsewhere within the spread.
`;
}

const figureLine = (id: string): string => `![Test accuracy of every run, by method](${id}.svg)\n`;

function rowOf(method: Method, dense: Results['dense']): string {
  const spread = (of: (run: Member) => number | undefined): Spread => {
    const found = spreadOf(method.runs.map(of));
    if (!found) throw new Error(`${method.name} lacks a measure.`);
    return found;
  };
  const latency = (run: Member): number | undefined => run.latencyMs.find(({ batch }) => batch === 64)?.median;
  return `| ${[
    method.name,
    ranged(accuracyOf(method), (share) => (100 * share).toFixed(1), ' %'),
    ranged(
      spread(({ macs }) => macs / dense.macs),
      (share) => (100 * share).toFixed(1),
      ' %',
    ),
    ranged(
      spread(({ parameters }) => parameters / dense.parameters),
      (share) => (100 * share).toFixed(1),
      ' %',
    ),
    ranged(spread(latency), (value) => value.toPrecision(3), ' ms'),
    ranged(
      spread(({ imagesPerSecond }) => imagesPerSecond),
      (value) => value.toFixed(0),
      ' images/s',
    ),
    ranged(
      spread(({ wallSeconds }) => wallSeconds),
      (value) => value.toFixed(0),
      ' s',
    ),
  ].join(' | ')} |`;
}

function ranged({ mean, min, max }: Spread, write: (value: number) => string, unit: string): string {
  const [at, from, to] = [write(mean), write(min), write(max)];
  return from === to ? `${at}${unit}` : `${at}${unit} (${from} – ${to})`;
}

function answerTo([question, one, other]: (typeof QUESTIONS)[number], methods: readonly Method[]): string[] {
  const [first, second] = [one, other].map((name) => methods.find((method) => method.name === name));
  if (!first || !second) return [];
  const { difference, spread, told } = orderingOf(first, second);
  const points = `${one} less ${other}: ${signed(difference)} points, spread ${(100 * spread).toFixed(1)}`;
  const answer = !told ? 'Not told apart' : difference > 0 ? 'Yes, here' : 'No, here it is worse';
  const either =
    question.startsWith('Does it matter') && told ? `Yes, here ${difference > 0 ? one : other} is better` : answer;
  return [`- ${question} **${either}.** ${points}.`];
}

function cellOf(row: Method, column: Method): string {
  if (row === column) return '';
  const { difference, told } = orderingOf(row, column);
  return told ? signed(difference) : '·';
}

function checkText({ spec, adapter, agrees, steps }: Results['check']): string {
  const loss = worst(steps, (step) => step.loss);
  const plain = worst(steps, ({ gradient }) => gradient.difference);
  const sided = worst(steps, (step) => step.sided.difference);
  const apart = steps.filter((step) => step.apart > 0);
  const values = apart.reduce((sum, step) => sum + step.apart, 0);
  const short = (value: number): string => value.toExponential(1);
  return `At each of ${counted(steps.length, 'training step')} of \`${spec.model.id}\` (batch ${spec.train.batchSize}, the same real images), started from equal
parameters, loss and gradients of our kernels on ${adapter} were compared with those of stock TensorFlow.js on its CPU backend, by
its own automatic differentiation (\`npm run --silent espalier -- check\`). Two correct fp32 programs drift apart when each goes
its own way, so the parameters are made equal before every step.

| | largest relative difference | at | accepted |
| --- | ---: | --- | ---: |
| loss | ${short(loss.loss)} | step ${loss.step} | ${AGREEMENT.loss} |
| gradient of a tensor, as it is | ${short(plain.gradient.difference)} | ${plain.gradient.tensor}, step ${plain.step} | |
| the same, with values on one side of ReLU's bend | ${short(sided.sided.difference)} | ${sided.sided.tensor}, step ${sided.step} | ${AGREEMENT.gradient} |

${
  values === 0
    ? 'In no step did a value stand on different sides of a bend, so the last two are the same.'
    : `In ${counted(apart.length, 'step')}, ${counted(values, 'value')} in front of a ReLU in all stood on different sides of its bend, by rounding; the gradient jumps there.`
} **${agrees ? 'They agree.' : 'They do not agree.'}**
`;
}

const signed = (share: number): string => `${share > 0 ? '+' : '−'}${Math.abs(100 * share).toFixed(1)}`;
const thousands = (count: number): string => count.toLocaleString('en-US');
const millions = (count: number): string => `${(count / 1e6).toFixed(2)} million`;
