// The part of oneDNN's C interface that the kernels call. The library is opened while the program runs, so
// that no header of it is wanted and a machine without it works, too. A test compares these declarations with
// the real headers where they are installed.
#ifndef COneDNN_h
#define COneDNN_h

#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#define OPTIONAL _Nullable
#define PRESENT _Nonnull
#else
#define OPTIONAL
#define PRESENT
#endif

typedef struct dnnl_engine *onednn_engine;
typedef struct dnnl_stream *onednn_stream;
typedef struct dnnl_memory *onednn_memory;
typedef struct dnnl_memory_desc *onednn_layout;
typedef const struct dnnl_memory_desc *onednn_const_layout;
typedef struct dnnl_primitive *onednn_primitive;
typedef const struct dnnl_primitive *onednn_const_primitive;
typedef struct dnnl_primitive_desc *onednn_description;
typedef const struct dnnl_primitive_desc *onednn_const_description;
typedef struct dnnl_primitive_attr *onednn_attributes;
typedef const struct dnnl_primitive_attr *onednn_const_attributes;

// The numbers of the constants that are used.
enum onednn_constant {
  onednn_success = 0,
  onednn_cpu_engine = 1,
  onednn_stream_default = 1,
  onednn_float32 = 3,
  onednn_any_format = 1,
  onednn_blocks_of_16 = 78,
  onednn_blocks_of_8 = 102,
  onednn_forward_training = 64,
  onednn_direct_convolution = 1,
  onednn_user_scratchpad = 1,
  onednn_query_implementation = 8,
  onednn_query_source = 129,
  onednn_query_source_error = 130,
  onednn_query_weights = 131,
  onednn_query_weight_gradient = 132,
  onednn_query_destination = 133,
  onednn_query_destination_error = 134,
  onednn_query_scratchpad = 136,
  onednn_argument_source = 1,
  onednn_argument_destination = 17,
  onednn_argument_weights = 33,
  onednn_argument_bias = 41,
  onednn_argument_scratchpad = 80,
  onednn_argument_source_error = 129,
  onednn_argument_destination_error = 145,
  onednn_argument_weight_gradient = 161,
  onednn_argument_bias_gradient = 169,
  onednn_maximum_rank = 12,
};

// One operand of an execution.
struct onednn_argument {
  int index;
  onednn_memory memory;
};

// The head of what the version function returns.
struct onednn_version {
  int major;
  int minor;
  int patch;
};

// The functions that are used; each member has the name of the function without its prefix.
struct onednn_functions {
  const struct onednn_version *PRESENT (*PRESENT version)(void);
  unsigned (*PRESENT get_effective_cpu_isa)(void);
  unsigned (*PRESENT engine_create)(onednn_engine OPTIONAL *PRESENT, unsigned kind, size_t index);
  unsigned (*PRESENT stream_create)(onednn_stream OPTIONAL *PRESENT, onednn_engine, unsigned flags);
  unsigned (*PRESENT stream_destroy)(onednn_stream);
  unsigned (*PRESENT memory_desc_create_with_tag)(
      onednn_layout OPTIONAL *PRESENT, int rank, const int64_t *extents, unsigned type, unsigned format);
  unsigned (*PRESENT memory_desc_create_with_strides)(
      onednn_layout OPTIONAL *PRESENT, int rank, const int64_t *extents, unsigned type,
      const int64_t *strides);
  int (*PRESENT memory_desc_equal)(onednn_const_layout, onednn_const_layout);
  size_t (*PRESENT memory_desc_get_size)(onednn_const_layout);
  unsigned (*PRESENT memory_desc_destroy)(onednn_layout);
  unsigned (*PRESENT memory_create)(
      onednn_memory OPTIONAL *PRESENT, onednn_const_layout, onednn_engine, void *OPTIONAL start);
  unsigned (*PRESENT memory_destroy)(onednn_memory);
  unsigned (*PRESENT primitive_attr_create)(onednn_attributes OPTIONAL *PRESENT);
  unsigned (*PRESENT primitive_attr_set_scratchpad_mode)(onednn_attributes, unsigned mode);
  unsigned (*PRESENT primitive_attr_destroy)(onednn_attributes);
  unsigned (*PRESENT reorder_primitive_desc_create)(
      onednn_description OPTIONAL *PRESENT, onednn_const_layout from, onednn_engine, onednn_const_layout to,
      onednn_engine, onednn_const_attributes OPTIONAL);
  unsigned (*PRESENT convolution_forward_primitive_desc_create)(
      onednn_description OPTIONAL *PRESENT, onednn_engine, unsigned purpose, unsigned algorithm,
      onednn_const_layout source, onednn_const_layout weights, onednn_const_layout OPTIONAL bias,
      onednn_const_layout destination, const int64_t *strides, const int64_t *dilations,
      const int64_t *begins, const int64_t *ends, onednn_const_attributes OPTIONAL);
  unsigned (*PRESENT convolution_backward_data_primitive_desc_create)(
      onednn_description OPTIONAL *PRESENT, onednn_engine, unsigned algorithm,
      onednn_const_layout source_error, onednn_const_layout weights, onednn_const_layout destination_error,
      const int64_t *strides, const int64_t *dilations, const int64_t *begins, const int64_t *ends,
      onednn_const_description forward, onednn_const_attributes OPTIONAL);
  unsigned (*PRESENT convolution_backward_weights_primitive_desc_create)(
      onednn_description OPTIONAL *PRESENT, onednn_engine, unsigned algorithm, onednn_const_layout source,
      onednn_const_layout weight_gradient, onednn_const_layout OPTIONAL bias_gradient,
      onednn_const_layout destination_error, const int64_t *strides, const int64_t *dilations,
      const int64_t *begins, const int64_t *ends, onednn_const_description forward,
      onednn_const_attributes OPTIONAL);
  onednn_const_layout OPTIONAL (*PRESENT primitive_desc_query_md)(
      onednn_const_description, unsigned what, int index);
  unsigned (*PRESENT primitive_desc_query)(
      onednn_const_description, unsigned what, int index, void *PRESENT result);
  unsigned (*PRESENT primitive_desc_next_impl)(onednn_description);
  unsigned (*PRESENT primitive_desc_destroy)(onednn_description);
  unsigned (*PRESENT primitive_create)(onednn_primitive OPTIONAL *PRESENT, onednn_const_description);
  unsigned (*PRESENT primitive_execute)(
      onednn_const_primitive, onednn_stream, int count, const struct onednn_argument *arguments);
  unsigned (*PRESENT primitive_destroy)(onednn_primitive);
  unsigned (*PRESENT sgemm)(
      char transpose_a, char transpose_b, int64_t rows, int64_t columns, int64_t inner, float alpha,
      const float *a, int64_t a_stride, const float *b, int64_t b_stride, float beta, float *c,
      int64_t c_stride);
};

// The functions of OpenMP; absent where it is not found.
struct onednn_threads {
  // How many threads the calls from the current thread use.
  void (*OPTIONAL set_count)(int);
  int (*OPTIONAL get_count)(void);
  // Calls a function on several threads and returns when all have ended: what a compiler makes of
  // `#pragma omp parallel`.
  void (*OPTIONAL run)(
      void (*PRESENT function)(void *OPTIONAL), void *OPTIONAL context, unsigned count, unsigned flags);
  // The number of the calling thread among those that run together, and how many these are.
  int (*OPTIONAL get_number)(void);
  int (*OPTIONAL get_team_size)(void);
};

// Opens a library. The result stays valid for ever; it is null where the file cannot be opened, lacks a
// function or is not of version 3.
const struct onednn_functions *OPTIONAL onednn_open(const char *path, struct onednn_threads *threads);

// Opens OpenMP alone, where there is no oneDNN that brings it.
void onednn_open_threads(struct onednn_threads *threads);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
#undef OPTIONAL
#undef PRESENT
#endif
