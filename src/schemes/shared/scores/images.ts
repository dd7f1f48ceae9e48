/** Training images of each class that SNIP and GraSP look at (precrop.md 3.1). */
export const IMAGES_A_CLASS = 10;
