import type { Crop } from '../../core/own-image/index.ts';
import { type OwnImage, ownImage } from '../../state/own-image.ts';
import { type OwnFile, inspecting } from './inspecting.ts';
import { Repeater } from './repeater.ts';

/** Milliseconds between two scalings while the square is moved. */
const EVERY = 120;

/** Scales the latest square of a file that was asked for, one at a time, and has the networks shown what comes of it. */
export class Cropper {
  #wanted: Crop | undefined;
  readonly #repeater: Repeater<OwnImage>;

  constructor({ id, file, name }: Pick<OwnFile, 'id' | 'file' | 'name'>) {
    this.#repeater = new Repeater(
      () => ownImage(file, this.#wanted),
      ({ answer }) => {
        // Not when another file has been taken meanwhile.
        if (answer && inspecting.getState().own?.id === id)
          inspecting.setState({ own: { id, file, name, image: answer } });
      },
      EVERY,
    );
  }

  crop(crop: Crop): void {
    this.#wanted = crop;
    this.#repeater.again();
  }
}
