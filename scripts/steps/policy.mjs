/** Nothing leaves the machine, nothing foreign comes in, and no text ever becomes code or style. */
const DIRECTIVES = {
  'default-src': "'none'",
  'script-src': "'self'",
  'worker-src': "'self'",
  'connect-src': "'self'",
  'style-src': "'self'",
  'font-src': "'self'",
  'img-src': "'self' blob: data:",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

const textOf = (directives) =>
  Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources}`)
    .join('; ');

/** As the page itself carries it. */
export const CONTENT_POLICY = textOf(DIRECTIVES);

/** As `npm start` sends it, with every file: workers take their policy from the answer that they are loaded by. */
export const POLICY_HEADERS = {
  // A page cannot say by itself who may frame it.
  'Content-Security-Policy': textOf({ ...DIRECTIVES, 'frame-ancestors': "'none'" }),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};
