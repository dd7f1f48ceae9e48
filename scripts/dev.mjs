// npm run dev: the page with hot reload.
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';

install();
await prepareData();
const { createServer } = await import('vite');
const server = await createServer();
await server.listen();
server.printUrls();
