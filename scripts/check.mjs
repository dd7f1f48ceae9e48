// npm run check: types, lint and format.
import { check } from './steps/check.mjs';
import { install } from './steps/install.mjs';

install();
process.exit(check() > 0 ? 1 : 0);
