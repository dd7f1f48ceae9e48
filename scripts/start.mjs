// npm start: sets everything up, builds the page and serves it. PORT=4200 npm start picks the port.
import { buildPage } from './steps/build.mjs';
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';
import { serve } from './steps/serve.mjs';

install();
await prepareData();
await buildPage();
await serve();
