import react from '@vitejs/plugin-react';
import { type Plugin, defineConfig } from 'vite';
import { CONTENT_POLICY, POLICY_HEADERS } from './scripts/steps/policy.mjs';

const packages = (...names: readonly string[]): RegExp => new RegExp(`/node_modules/(${names.join('|')})/`);

/** The built page forbids itself everything that it does not need, also where a server sends no headers. */
const policy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: CONTENT_POLICY },
      injectTo: 'head-prepend',
    },
  ],
};

export default defineConfig({
  // Relative addresses: the built site works from any sub-path.
  base: './',
  // A file that is missing is answered with 404, not with the page: a missing shard must not look like a short one.
  appType: 'mpa',
  plugins: [react(), policy],
  preview: { headers: POLICY_HEADERS },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    // tfjs, in a chunk that only the fallback engine loads, is larger than Vite likes.
    chunkSizeWarningLimit: 1_700,
    rolldownOptions: {
      output: {
        // Apart from our code, so that an update of ours leaves them in the visitor's cache.
        codeSplitting: {
          groups: [
            { name: 'react', test: packages('react', 'react-dom', 'react-is', 'scheduler'), priority: 3 },
            // Without what only scripts of their own use: the group is loaded whole, and at once.
            {
              name: 'mantine',
              test: packages('@mantine/[^/]+(?!.*/components/Menu/)', '@floating-ui/[^/]+'),
              priority: 2,
            },
            { name: 'recharts', test: packages('recharts'), priority: 1 },
          ],
        },
      },
    },
  },
});
