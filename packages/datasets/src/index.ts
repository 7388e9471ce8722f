export {
  CIFAR10_CLASSES,
  decodeCifar10,
  encodeCifar10,
  loadCifar10,
  readCifar10Batches,
} from "./cifar10.ts";
export {
  CORRUPTIONS,
  type CorruptionFamily,
  type CorruptionInfo,
  corrupt,
  isCorruptionName,
} from "./corruption.ts";
export type { Corruption, CorruptionOptions } from "./corruption-kernel.ts";
export { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruption-name.ts";
export type { ReadOptions } from "./data-file.ts";
export {
  type DriftBatch,
  type DriftStreamOptions,
  type DriftTask,
  type DriftTransition,
  driftStream,
} from "./drift-stream.ts";
export {
  cacheFolder,
  type DataEnvironment,
  FASHION_MNIST_CLASSES,
  fashionMnistFolder,
  loadFashionMnist,
  loadFashionMnistTest,
  type TrainTest,
} from "./fashion-mnist.ts";
export { loadFrostPictures } from "./frost-pictures.ts";
export {
  decodeIdxImages,
  decodeIdxLabels,
  encodeIdxImages,
  encodeIdxLabels,
  readIdxImages,
  readIdxLabels,
} from "./idx.ts";
export { type ImageFolderOptions, loadImageFolder } from "./image-folder.ts";
export {
  checkImageSet,
  concatImages,
  type ImageSet,
  type ImageShape,
  imageAt,
  imageLength,
  sliceImages,
  takeImages,
} from "./image-set.ts";
export { decodeNpy, encodeNpy, type NpyArray, type NpyData, type NpyType } from "./npy.ts";
export {
  encodeNpyImages,
  type ImageRange,
  loadCifar10C,
  loadNpyFolder,
  readNpy,
  readNpyImages,
  readNpyLabels,
} from "./npy-images.ts";
export { createRandom, deriveSeed, type Random } from "./random.ts";
export { LUMA_WEIGHTS, type ResizeMethod, type ResizeTarget, resizeTo } from "./resize.ts";
export { SYNTHETIC_CLASSES, type SyntheticOptions, syntheticImages } from "./synthetic-images.ts";
