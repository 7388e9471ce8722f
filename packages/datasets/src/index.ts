export { corrupt } from "./corruptions/corruption.ts";
export type { CorruptionOptions } from "./corruptions/corruption-kernel.ts";
export { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruptions/corruption-name.ts";
export { loadFrostPictures } from "./corruptions/frost-pictures.ts";
export { loadArrays } from "./formats/array-set.ts";
export { loadCifar } from "./formats/cifar.ts";
export { type DescribedClass, describeData } from "./formats/describe-data.ts";
export {
  cacheFolder,
  fashionMnistFolder,
  loadFashionMnist,
} from "./formats/fashion-mnist.ts";
export { loadIdxFolder } from "./formats/idx-folder.ts";
export { loadImageFolder, loadPictures } from "./formats/image-folder.ts";
export { encodeNpy } from "./formats/npy.ts";
export { encodeNpyImages, readNpy, readNpyImages, readNpyLabels } from "./formats/npy-images.ts";
export { FITS, type Fit } from "./formats/picture.ts";
export { describePassedOver } from "./images/describe-classes.ts";
export { concatImages, type ImageSet, sliceImages, takeImages } from "./images/image-set.ts";
export { imageStream } from "./images/image-stream.ts";
export type { Part } from "./images/part.ts";
export { createRandom, deriveSeed, type Random } from "./images/random.ts";
