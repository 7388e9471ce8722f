import "../session/onednn.ts";

/** Import this first: TensorFlow reads its environment when it is loaded. As in a worker, it keeps quiet and in order. */
process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
process.env["TF_NUM_INTEROP_THREADS"] ??= "1";
