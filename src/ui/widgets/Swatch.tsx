import type { LineStyle } from './run-style.ts';

/** A short piece of a line as the charts draw it. */
export const Swatch = ({ style, width = 22 }: { style: LineStyle; width?: number }) => (
  <svg className="swatch" width={width} height="6" aria-hidden>
    <line
      x1="0"
      y1="3"
      x2={width}
      y2="3"
      stroke={style.colour}
      strokeWidth="3"
      {...(style.dash ? { strokeDasharray: style.dash } : {})}
    />
  </svg>
);
