export { corrupt } from "./corruptions/corruption.ts";
export type { CorruptionOptions } from "./corruptions/corruption-kernel.ts";
export { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruptions/corruption-name.ts";
export { loadFrostPictures } from "./corruptions/frost-pictures.ts";
export { loadCifar10 } from "./formats/cifar10.ts";
export {
  cacheFolder,
  fashionMnistFolder,
  loadFashionMnist,
  loadFashionMnistTest,
  type TrainTest,
} from "./formats/fashion-mnist.ts";
export { loadImageFolder } from "./formats/image-folder.ts";
export { encodeNpy } from "./formats/npy.ts";
export { encodeNpyImages, loadNpyFolder, readNpy, readNpyImages, readNpyLabels } from "./formats/npy-images.ts";
export { concatImages, type ImageSet, sliceImages, takeImages } from "./images/image-set.ts";
export { imageStream } from "./images/image-stream.ts";
export { createRandom, deriveSeed, type Random } from "./images/random.ts";
