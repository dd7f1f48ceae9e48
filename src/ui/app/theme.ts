import { Modal, Tooltip, createTheme } from '@mantine/core';

/** Leaf green of the page; shade 8 on white and shade 4 on black pass AA. */
export const theme = createTheme({
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  primaryColor: 'leaf',
  primaryShade: { light: 8, dark: 7 },
  autoContrast: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
  components: {
    // Within the landmark they belong to, and below their control, where nothing is cut off.
    Tooltip: Tooltip.extend({ defaultProps: { withinPortal: false, position: 'bottom', openDelay: 300 } }),
    // Its header element would be a second banner of the page.
    Modal: Modal.extend({ defaultProps: { attributes: { header: { role: 'presentation' } } } }),
  },
  colors: {
    leaf: [
      '#eafaf4',
      '#d3f2e6',
      '#a6e5cd',
      '#74d7b1',
      '#4ccb9a',
      '#2fb985',
      '#17a071',
      '#0b8560',
      '#0b6b4e',
      '#0b5d46',
    ],
  },
});
