/**
 * Import this before TensorFlow: it decides, once for a process, which kernels and which allocator run. TensorFlow turns
 * oneDNN on by default only on processors with AVX512-VNNI and the like; without it grouped convolutions have no
 * gradients, and the allocator knows no memory cap.
 */
process.env["TF_ENABLE_ONEDNN_OPTS"] = "1";
