import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/**
 * Softmax cross-entropy of [images, classes] logits (rows padded to vec4s): each image's loss and whether its largest
 * logit (the first of equals) is the label's, and the gradient of the mean loss over the batch. Label smoothing e:
 * target (1 - e) one-hot + e / classes. Images from `step.count` on do not exist: no loss, no gradient. Logits are
 * multiplied by `step.logitScale` first (by 1, exactly, in training). With `step.sumOfLogits` an image's loss is the sum
 * of its logits, and the gradient that of the sum over the batch. The gradient is multiplied by `step.lossScale`.
 */
export const softmaxCrossEntropy = defineKernel({
  label: 'softmax-cross-entropy',
  buffers: {
    logits: ['read', 'array<StoredScalar>'],
    labels: ['read', 'array<u32>'],
    outcome: ['write', 'array<vec2f>'],
    gradient: ['write', 'array<StoredScalar>'],
  },
  shape: ['images', 'classes', 'padded'],
  step: true,
  body: `fn scaled(i: u32) -> f32 { return f32(logits[i]) * step.logitScale; }

${MAIN} {
  ${gridStride('image', 'shape.images')} {
    let base = image * shape.padded;
    let label = labels[image];
    let exists = image < step.count;
    var highest = scaled(base);
    var best = 0u;
    var sum = highest;
    for (var k = 1u; k < shape.classes; k++) {
      let logit = scaled(base + k);
      sum += logit;
      if (logit > highest) { highest = logit; best = k; }
    }
    var total = 0.0;
    for (var k = 0u; k < shape.classes; k++) { total += exp(scaled(base + k) - highest); }
    let logTotal = log(total) + highest;
    let even = step.labelSmoothing / f32(shape.classes);
    var loss = 0.0;
    for (var k = 0u; k < shape.padded; k++) {
      var slope = 0.0;
      if (exists && k < shape.classes) {
        let goal = even + select(0.0, 1.0 - step.labelSmoothing, k == label);
        // A target of 0 must not meet an infinite logit: 0 times infinity would hide behind a NaN.
        if (goal > 0.0) { loss += goal * (logTotal - scaled(base + k)); }
        slope = (exp(scaled(base + k) - logTotal) - goal) / f32(step.count);
        slope = select(slope, 1.0, step.sumOfLogits != 0u) * step.logitScale * step.lossScale;
      }
      gradient[base + k] = StoredScalar(slope);
    }
    loss = select(loss, sum, step.sumOfLogits != 0u);
    outcome[image] = select(vec2f(0), vec2f(loss, select(0.0, 1.0, best == label)), exists);
    ${gridNext('image', 'shape.images')}
  }
}`,
});

/** Sums the images' outcomes in order into slot `step.slot` of `metrics`. One thread: a batch is at most 512 images. */
export const sumOutcomes = defineKernel({
  label: 'sum-outcomes',
  buffers: { outcome: ['read', 'array<vec2f>'], metrics: ['write', 'array<vec2f>'] },
  shape: ['images'],
  step: true,
  body: `@compute @workgroup_size(1)
fn main() {
  var sum = vec2f(0);
  for (var image = 0u; image < shape.images; image++) { sum += outcome[image]; }
  metrics[step.slot] = sum;
}`,
});
