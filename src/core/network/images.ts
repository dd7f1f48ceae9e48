/** Channel means and deviations of the CIFAR-10 training set, by which networks see images (pixels in 0 to 1). */
export const CHANNEL_MEAN = [0.4914, 0.4822, 0.4465] as const;
export const CHANNEL_DEVIATION = [0.247, 0.2435, 0.2616] as const;

/** What the labels 0 to 9 of CIFAR-10 stand for. */
export const CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;
