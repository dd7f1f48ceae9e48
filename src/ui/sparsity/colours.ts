import { useComputedColorScheme } from '@mantine/core';
import { PALETTES } from '../canvas/cells.ts';
import type { KernelColours } from './draw-kernels.ts';

/** The page's colours for canvases, which cannot read its variables. */
const MORE = {
  light: { text: '#55635d', surface: '#ffffff', tile: '#e4e9e6' },
  dark: { text: '#a3b1ab', surface: '#171e1b', tile: '#2a3530' },
} as const;

export function useColours(): KernelColours {
  const scheme = useComputedColorScheme('light');
  return { ...PALETTES[scheme], ...MORE[scheme] };
}
