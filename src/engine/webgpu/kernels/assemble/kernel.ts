import { RANDOM4_WGSL, STREAMS } from '../../../../core/random/random.ts';
import { CHANNEL_DEVIATION, CHANNEL_MEAN, CROP_PADDING } from '../../../engine.ts';
import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

const triple = (values: readonly number[]): string => `vec3f(${values.join(', ')})`;

/**
 * Makes the input activation of a batch, [images, 32, 32, 4] (fourth channel 0), and its labels: gathers image bytes by
 * index, shifts, mirrors and normalises. One thread a pixel. Shifts and flips are `augmentation` of core/random.
 */
export const assemble = defineKernel({
  label: 'assemble',
  buffers: {
    pixels: ['read', 'array<u32>'],
    labels: ['read', 'array<u32>'],
    indices: ['read', 'array<u32>'],
    activation: ['write', 'array<Stored>'],
    batchLabels: ['write', 'array<u32>'],
  },
  shape: ['images', 'height', 'width'],
  step: true,
  body: `${RANDOM4_WGSL}
fn byteAt(offset: u32) -> f32 { return f32((pixels[offset >> 2u] >> ((offset & 3u) * 8u)) & 255u); }

${MAIN} {
  let area = shape.height * shape.width;
  ${gridStride('i', 'shape.images * area')} {
    let slot = i / area;
    let y = (i % area) / shape.width;
    let x = i % shape.width;
    let image = indices[step.slot * shape.images + slot];
    let bits = random4(step.seed, ${STREAMS.augment}u, step.step, slot);
    var shift = vec2i(0);
    if (step.crop != 0u) {
      shift = vec2i((bits.xy >> vec2u(8u)) % ${2 * CROP_PADDING + 1}u) - ${CROP_PADDING};
    }
    let mirrored = step.flip != 0u && (bits.z >> 31u) == 1u;
    let column = select(i32(x), i32(shape.width - 1u - x), mirrored) + shift.x;
    let row = i32(y) + shift.y;
    var value = vec3f(0);
    if (row >= 0 && row < i32(shape.height) && column >= 0 && column < i32(shape.width)) {
      let offset = (image * area + u32(row) * shape.width + u32(column)) * 3u;
      let rgb = vec3f(byteAt(offset), byteAt(offset + 1u), byteAt(offset + 2u));
      value = (rgb / 255.0 - ${triple(CHANNEL_MEAN)}) / ${triple(CHANNEL_DEVIATION)};
    }
    activation[i] = Stored(vec4f(value, 0));
    if (i % area == 0u) { batchLabels[slot] = labels[image]; }
    ${gridNext('i', 'shape.images * area')}
  }
}`,
});
