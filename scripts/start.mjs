// npm start: sets everything up, builds the page and serves it. PORT=4200 npm start picks the port.
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';

install();
await prepareData();
const { buildPage } = await import('./steps/build.mjs');
await buildPage();
const { serve } = await import('./steps/serve.mjs');
await serve();
