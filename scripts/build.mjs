// npm run build: sets everything up and builds the static site into dist/.
import { buildPage } from './steps/build.mjs';
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';

install();
await prepareData();
await buildPage();
