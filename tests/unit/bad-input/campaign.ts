import { checkpoints } from './checkpoints.ts';
import { images } from './images.ts';
import { logs } from './logs.ts';
import type { Effort } from './nasty.ts';
import { runFiles } from './run-files.ts';
import { specs } from './specs.ts';

/**
 * Everything that the page reads of what others send, with thousands of inputs that are wrong: each is refused with one
 * sentence, or is as good as one's own; nothing is executed, and nothing takes long.
 */
export function campaign(effort: Effort): void {
  specs(effort);
  logs(effort);
  runFiles(effort);
  checkpoints(effort);
  images(effort);
}
