import { describe, expect, test } from 'vitest';
import { type Network, type Node, ZOO, buildNetwork, crossingsOf, inputsOf } from './index.ts';

/** By definition: a node whose removal leaves no path from the input to the last node. */
function byRemoval({ nodes }: Network): string[] {
  const reaches = (without: string): boolean => {
    const reached = new Set<string>();
    for (const node of nodes) {
      const read = node.op === 'input' || inputsOf(node).some((id) => reached.has(id));
      if (read && node.id !== without) reached.add(node.id);
    }
    return reached.has(nodes.at(-1)?.id ?? '');
  };
  return nodes
    .filter(({ id, op }, index) => op !== 'input' && index < nodes.length - 1 && !reaches(id))
    .map(({ id }) => id);
}

const relu = (id: string, input: string): Node => ({ id, op: 'relu', input });

describe('nodes that every path crosses', () => {
  test('all inner nodes of a chain; in a residual network not the insides of its blocks', () => {
    const plain = buildNetwork('convnet-micro');
    expect(crossingsOf(plain)).toEqual(plain.nodes.slice(1, -1).map(({ id }) => id));
    const residual = crossingsOf(buildNetwork('resnet20'));
    expect(residual.slice(0, 7)).toEqual([
      'stem',
      'stem.bn',
      'stem.relu',
      'block1.add',
      'block1.relu',
      'block2.add',
      'block2.relu',
    ]);
    expect(residual.at(-1)).toBe('pool');
  });

  test('are those whose removal disconnects the network, in all networks of the zoo', () => {
    for (const { id } of ZOO) {
      const network = buildNetwork(id, 0.1);
      expect(crossingsOf(network), id).toEqual(byRemoval(network));
    }
  });

  test('branches that lead nowhere do not count, nor do their nodes', () => {
    const nodes: Node[] = [
      { id: 'input', op: 'input', shape: [1, 1, 2] },
      relu('a', 'input'),
      relu('dead', 'input'),
      relu('b', 'a'),
      relu('c', 'a'),
      relu('dead2', 'a'),
      { id: 'sum', op: 'add', inputs: ['b', 'c'] },
      relu('dead3', 'c'),
      relu('d', 'sum'),
      { id: 'dense', op: 'dense', input: 'd', units: 2 },
    ];
    const network = { id: 'branches', nodes };
    expect(crossingsOf(network)).toEqual(['a', 'sum', 'd']);
    expect(byRemoval(network)).toEqual(['a', 'sum', 'd']);
  });
});
