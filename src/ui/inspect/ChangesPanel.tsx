/** Stands in until the panel is merged. */
export default () => null;
