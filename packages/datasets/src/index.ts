export { loadCifar10 } from "./cifar10.ts";
export { corrupt } from "./corruption.ts";
export { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruption-name.ts";
export { type DriftTask, driftStream } from "./drift-stream.ts";
export {
  cacheFolder,
  fashionMnistFolder,
  loadFashionMnist,
  loadFashionMnistTest,
  type TrainTest,
} from "./fashion-mnist.ts";
export { encodeIdxImages, encodeIdxLabels } from "./idx.ts";
export { loadImageFolder } from "./image-folder.ts";
export { concatImages, type ImageSet, sliceImages, takeImages } from "./image-set.ts";
export { encodeNpy } from "./npy.ts";
export { encodeNpyImages, loadNpyFolder, readNpy, readNpyImages, readNpyLabels } from "./npy-images.ts";
export { createRandom, deriveSeed, type Random } from "./random.ts";
export { syntheticImages } from "./synthetic-images.ts";
