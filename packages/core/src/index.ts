export { MPO_ERROR_CODES, MpoError, type MpoErrorCode, type MpoErrorOptions } from "./mpo-error.ts";
