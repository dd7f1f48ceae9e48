/** What a paper reports of a method, as our digests quote it; `read` is where it was read. */
export interface Reported {
  readonly method: string;
  readonly statement: string;
  readonly read: string;
}

/**
 * None of these is a small network on CIFAR-10 after a few epochs, so none is a number that our runs could reproduce.
 */
export const REPORTED: readonly Reported[] = [
  {
    method: 'CHEX',
    statement:
      'ImageNet, ResNet-50: 77.4 % top-1 at half the FLOPs (2 G), 78.0 % at 3 G, 76.0 % at 1 G, 74.9 % at 0.8 G',
    read: 'README of the released code',
  },
  {
    method: 'CHEX',
    statement:
      'ImageNet, ResNet-18: 69.6 % at 43 % fewer FLOPs; ResNet-34: 73.5 % at 46 % fewer; ResNet-101: 78.8 % at 55 % fewer',
    read: 'README of the released code',
  },
  {
    method: 'CHEX, regrowing off',
    statement: 'no ablation was found that we may quote, and no result on CIFAR-10',
    read: '–',
  },
  {
    method: 'PreCrop',
    statement:
      'CIFAR-10: by parameters about equal to SynFlow at most ratios; by FLOPs clearly better at high compression; all methods alike at low compression',
    read: 'public reviews, ICLR 2024; the tables were not found',
  },
  {
    method: 'PreCrop',
    statement: 'ImageNet, ResNet-50: 1.1 % lower accuracy at 28 % fewer FLOPs',
    read: 'public review, ICLR 2024',
  },
  {
    method: 'PreCrop',
    statement:
      'ImageNet, MobileNetV2: up to 2.7 % (another version: 1.9 %) better than a leading method that prunes at initialisation',
    read: 'abstracts of the ICLR 2023 and 2024 submissions',
  },
  {
    method: 'Structured sparsity, maps',
    statement:
      'follow-up paper, six convolutions on CIFAR-10 (83.74 % dense): 62 % of the weights of Conv2 to Conv6 pruned at one point of error more (its text also says 60 %)',
    read: 'arXiv 1610.09639, sections 5.1.1 and 5.1.2; widths and share given there do not agree with each other',
  },
  {
    method: 'Structured sparsity, maps and stride',
    statement:
      'strong reduction of size and compute with a small loss on CIFAR-10 and MNIST; we have not read its tables, so no numbers',
    read: 'second-hand statements about arXiv 1512.08571',
  },
];
