/** 1,234 or 1.23 M or 45.6 k: four characters of precision for figures that change while one looks. */
export function compactNumber(value: number): string {
  if (value >= 1e15) return `${(value / 1e15).toFixed(2)} P`;
  if (value >= 1e12) return `${(value / 1e12).toFixed(2)} T`;
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e8 ? 0 : 2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return Math.round(value).toLocaleString('en');
}

export const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;

/** 3 s, 2 min 5 s, 1 h 20 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
