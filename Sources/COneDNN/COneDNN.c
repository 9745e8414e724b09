#include "COneDNN.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// Writes the address of a function where its pointer is kept; POSIX promises that both have one form.
static int found(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  memcpy(place, &address, sizeof address);
  return address != NULL;
}

#define FIND(name) found(library, "dnnl_" #name, &functions->name)

static int found_all(void *library, struct onednn_functions *functions) {
  return FIND(version) && FIND(get_effective_cpu_isa) && FIND(engine_create) && FIND(stream_create) &&
         FIND(stream_destroy) && FIND(memory_desc_create_with_tag) && FIND(memory_desc_create_with_strides) &&
         FIND(memory_desc_equal) && FIND(memory_desc_get_size) && FIND(memory_desc_destroy) &&
         FIND(memory_create) && FIND(memory_destroy) && FIND(primitive_attr_create) &&
         FIND(primitive_attr_set_scratchpad_mode) && FIND(primitive_attr_destroy) &&
         FIND(reorder_primitive_desc_create) && FIND(convolution_forward_primitive_desc_create) &&
         FIND(convolution_backward_data_primitive_desc_create) &&
         FIND(convolution_backward_weights_primitive_desc_create) && FIND(primitive_desc_query_md) &&
         FIND(primitive_desc_query) && FIND(primitive_desc_next_impl) &&
         FIND(primitive_desc_destroy) && FIND(primitive_create) && FIND(primitive_execute) &&
         FIND(primitive_destroy) && FIND(sgemm);
}

static void find_threads(void *library, struct onednn_threads *threads) {
  found(library, "omp_set_num_threads", &threads->set_count);
  found(library, "omp_get_max_threads", &threads->get_count);
  found(library, "GOMP_parallel", &threads->run);
  found(library, "omp_get_thread_num", &threads->get_number);
  found(library, "omp_get_num_threads", &threads->get_team_size);
}

const struct onednn_functions *onednn_open(const char *path, struct onednn_threads *threads) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return NULL;
  struct onednn_functions *functions = calloc(1, sizeof *functions);
  if (functions == NULL || !found_all(library, functions) || functions->version()->major != 3) {
    free(functions);
    dlclose(library);
    return NULL;
  }
  // OpenMP is a dependency of the library, which dlsym searches as well.
  find_threads(library, threads);
  return functions;
}

void onednn_open_threads(struct onednn_threads *threads) {
  void *library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library != NULL) find_threads(library, threads);
}
