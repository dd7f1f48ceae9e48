import { buildPage } from '../../scripts/steps/build.mjs';

/** The end-to-end tests drive the page as users get it. */
export default buildPage;
