export { encodePng } from "../formats/picture.ts";
export { encodeIdxImages, encodeIdxLabels } from "./idx-files.ts";
export { syntheticImages } from "./synthetic-images.ts";
