import * as v from 'valibot';

/**
 * A scheme's state as it came out of a checkpoint, which may be anybody's: read by a schema. Throws a sentence when it is
 * none.
 */
export function savedState<Schema extends v.GenericSchema>(schema: Schema, state: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, state, { abortEarly: true });
  if (result.success) return result.output;
  throw foreignState();
}

export const foreignState = (): Error =>
  new Error(
    'The checkpoint cannot be used: the state of its scheme is damaged or that of another. Start the run anew.',
  );
