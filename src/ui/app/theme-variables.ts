import { DEFAULT_THEME, convertCssVariables, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { theme } from './theme.ts';

/**
 * Hands the theme's variables to the document as a style sheet of its own. Mantine would write them into a style element,
 * which the content security policy forbids.
 */
export function adoptThemeVariables(): void {
  const sheet = new CSSStyleSheet();
  const variables = defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme));
  sheet.replaceSync(convertCssVariables(variables, ':root'));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
