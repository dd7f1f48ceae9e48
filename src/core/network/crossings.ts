import { type Network, inputsOf } from './network.ts';

/**
 * Ids of the nodes that every path from the image to the logits crosses, in network order; neither the input nor the
 * classifier. All of the network behind such a node depends on its output alone.
 */
export function crossingsOf(network: Network): readonly string[] {
  const { nodes } = network;
  const position = new Map(nodes.map((node, index) => [node.id, index]));
  const sources = nodes.map((node) => inputsOf(node).map((id) => position.get(id) ?? 0));

  // Nodes on some path from the input to the classifier; the others carry nothing to it.
  const fromInput = nodes.map((node) => node.op === 'input');
  sources.forEach((read, index) => {
    if (read.some((source) => fromInput[source])) fromInput[index] = true;
  });
  const toOutput = nodes.map((_, index) => index === nodes.length - 1);
  for (let index = nodes.length - 1; index >= 0; index--) {
    if (toOutput[index]) for (const source of sources[index] ?? []) toOutput[source] = true;
  }
  const live = nodes.map((_, index) => fromInput[index] === true && toOutput[index] === true);

  // Paths only go forward in topological order, so one misses a node just where an edge between live nodes passes it by.
  let reach = 0;
  const crossings: string[] = [];
  const farthest = nodes.map((_, index) => index);
  sources.forEach((read, index) => {
    if (live[index]) for (const source of read) farthest[source] = Math.max(farthest[source] ?? 0, index);
  });
  nodes.forEach(({ id, op }, index) => {
    if (!live[index]) return;
    if (reach <= index && op !== 'input' && index < nodes.length - 1) crossings.push(id);
    reach = Math.max(reach, farthest[index] ?? 0);
  });
  return crossings;
}
