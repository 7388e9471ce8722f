export { corrupt } from "./corruptions/corruption.ts";
export type { CorruptionOptions } from "./corruptions/corruption-kernel.ts";
export { CORRUPTION_NAMES, type CorruptionName, type Severity } from "./corruptions/corruption-name.ts";
export { loadFrostPictures } from "./corruptions/frost-pictures.ts";
export { type DescribedClass, datasetAt, describeData, SET_LOADERS } from "./formats/describe-data.ts";
export {
  cacheFolder,
  digitsFolder,
  fashionMnistFolder,
  loadFashionMnist,
} from "./formats/fashion-mnist.ts";
export { fitImages } from "./formats/fit-images.ts";
export { type Hdf5Array, type Hdf5Group, isHdf5Array, withHdf5 } from "./formats/hdf5.ts";
export { loadImageFolder, loadPictures } from "./formats/image-folder.ts";
export { encodeNpy } from "./formats/npy.ts";
export { encodeNpyImages, readNpy, readNpyImages, readNpyLabels } from "./formats/npy-images.ts";
export type { PictureForm } from "./formats/picture.ts";
export { folderNames } from "./formats/picture-files.ts";
export { describeResizing, FILTERS, FITS, type Resizing } from "./formats/resizing.ts";
export { classCount, describePassedOver } from "./images/describe-classes.ts";
export { concatImages, type ImageSet, shapeInWords, sliceImages, takeImages } from "./images/image-set.ts";
export { imageStream } from "./images/image-stream.ts";
export type { Part } from "./images/part.ts";
export { createRandom, deriveSeed, type Random } from "./images/random.ts";
export { MODEL_FILE, modelFolder, readJsonBeside } from "./model-input/beside-model.ts";
export { checkJson, parseJson } from "./model-input/checked-json.ts";
export { readClassNames } from "./model-input/class-names.ts";
export { INPUT_ORDERS, INPUT_RANGES, type InputForm, pictureForm } from "./model-input/input-form.ts";
export { modelFilesAmong, ONNX_FILE } from "./model-input/model-files.ts";
export { MODEL_CARD_FILE, readPictureForm, readStatement, statementSchema } from "./model-input/model-statement.ts";
export { readTextEmbeddings } from "./model-input/text-embeddings.ts";
