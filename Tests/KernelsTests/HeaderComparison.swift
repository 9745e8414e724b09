/// A program in C that compiles only where our declarations say what oneDNN's own headers say.
let headerComparison = """
  #include "oneapi/dnnl/dnnl.h"
  #include "COneDNN.h"
  #define SAME_TYPE(name) \\
    _Static_assert(__builtin_types_compatible_p(typeof(&dnnl_##name), \\
      typeof(((struct onednn_functions *)0)->name)), #name)
  #define SAME(ours, theirs) _Static_assert((unsigned)(ours) == (unsigned)(theirs), #ours)
  SAME_TYPE(get_effective_cpu_isa);
  SAME_TYPE(engine_create);
  SAME_TYPE(stream_create);
  SAME_TYPE(stream_destroy);
  SAME_TYPE(memory_desc_create_with_tag);
  SAME_TYPE(memory_desc_create_with_strides);
  SAME_TYPE(memory_desc_equal);
  SAME_TYPE(memory_desc_get_size);
  SAME_TYPE(memory_desc_destroy);
  SAME_TYPE(memory_create);
  SAME_TYPE(memory_destroy);
  SAME_TYPE(primitive_attr_create);
  SAME_TYPE(primitive_attr_set_scratchpad_mode);
  SAME_TYPE(primitive_attr_destroy);
  SAME_TYPE(reorder_primitive_desc_create);
  SAME_TYPE(convolution_forward_primitive_desc_create);
  SAME_TYPE(convolution_backward_data_primitive_desc_create);
  SAME_TYPE(convolution_backward_weights_primitive_desc_create);
  SAME_TYPE(primitive_desc_query_md);
  SAME_TYPE(primitive_desc_next_impl);
  SAME_TYPE(primitive_desc_destroy);
  SAME_TYPE(primitive_create);
  SAME_TYPE(primitive_destroy);
  SAME_TYPE(sgemm);
  SAME(sizeof(struct onednn_argument), sizeof(dnnl_exec_arg_t));
  SAME(offsetof(struct onednn_argument, memory), offsetof(dnnl_exec_arg_t, memory));
  SAME(offsetof(struct onednn_version, patch), offsetof(dnnl_version_t, patch));
  SAME(sizeof(dnnl_dim_t), sizeof(int64_t));
  SAME(onednn_success, dnnl_success);
  SAME(onednn_cpu_engine, dnnl_cpu);
  SAME(onednn_stream_default, dnnl_stream_default_flags);
  SAME(onednn_float32, dnnl_f32);
  SAME(onednn_any_format, dnnl_format_tag_any);
  SAME(onednn_blocks_of_16, dnnl_nChw16c);
  SAME(onednn_blocks_of_8, dnnl_nChw8c);
  SAME(onednn_forward_training, dnnl_forward_training);
  SAME(onednn_direct_convolution, dnnl_convolution_direct);
  SAME(onednn_user_scratchpad, dnnl_scratchpad_mode_user);
  SAME(onednn_query_implementation, dnnl_query_impl_info_str);
  SAME(onednn_query_source, dnnl_query_src_md);
  SAME(onednn_query_source_error, dnnl_query_diff_src_md);
  SAME(onednn_query_weights, dnnl_query_weights_md);
  SAME(onednn_query_weight_gradient, dnnl_query_diff_weights_md);
  SAME(onednn_query_destination, dnnl_query_dst_md);
  SAME(onednn_query_destination_error, dnnl_query_diff_dst_md);
  SAME(onednn_query_scratchpad, dnnl_query_scratchpad_md);
  SAME(onednn_argument_source, DNNL_ARG_SRC);
  SAME(onednn_argument_source, DNNL_ARG_FROM);
  SAME(onednn_argument_destination, DNNL_ARG_DST);
  SAME(onednn_argument_destination, DNNL_ARG_TO);
  SAME(onednn_argument_weights, DNNL_ARG_WEIGHTS);
  SAME(onednn_argument_bias, DNNL_ARG_BIAS);
  SAME(onednn_argument_scratchpad, DNNL_ARG_SCRATCHPAD);
  SAME(onednn_argument_source_error, DNNL_ARG_DIFF_SRC);
  SAME(onednn_argument_destination_error, DNNL_ARG_DIFF_DST);
  SAME(onednn_argument_weight_gradient, DNNL_ARG_DIFF_WEIGHTS);
  SAME(onednn_argument_bias_gradient, DNNL_ARG_DIFF_BIAS);
  SAME(onednn_maximum_rank, DNNL_MAX_NDIMS);
  unsigned query(const_dnnl_primitive_desc_t d, void *r) { return dnnl_primitive_desc_query(d, 8, 0, r); }
  unsigned execute(void *p, void *s, struct onednn_argument *a) {
    return dnnl_primitive_execute(p, s, 1, (const dnnl_exec_arg_t *)a);
  }
  """
