# Defines libtorch::libtorch for a libtorch >= the version asked for.
#
# SEQVIT_TORCH_DIR names a directory with include/ and lib/ (an unpacked libtorch, or site-packages/torch of any
# Python); without it the wheel in ./.venv is used. The config file that ships with the wheel is not used: it
# insists on a CUDA toolkit even for a program that never touches a GPU.
file(GLOB _wheel "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
set(SEQVIT_TORCH_DIR "${_wheel}" CACHE PATH "libtorch: a directory with include/ and lib/")

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h HINTS "${SEQVIT_TORCH_DIR}/include")
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS "${SEQVIT_TORCH_DIR}/lib")
find_library(LibTorch_C10_LIBRARY c10 HINTS "${SEQVIT_TORCH_DIR}/lib")
if(LibTorch_INCLUDE_DIR)
  file(READ "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h" _version)
  string(REGEX MATCH "TORCH_VERSION[ \\\n]*\"([0-9]+\\.[0-9]+\\.[0-9]+)" _ "${_version}")
  set(LibTorch_VERSION "${CMAKE_MATCH_1}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run ./setup.sh, or pass -DSEQVIT_TORCH_DIR=<directory with include/ and lib/>")

if(LibTorch_FOUND AND NOT TARGET libtorch::libtorch)
  add_library(libtorch::libtorch INTERFACE IMPORTED)
  # Only libtorch's own headers: beside them the wheel carries those of fmt and others, in versions whose libraries it
  # does not carry, and they would be found before the system's.
  set(_headers "${CMAKE_BINARY_DIR}/libtorch-headers")
  file(MAKE_DIRECTORY "${_headers}")
  foreach(_part ATen c10 torch)
    file(CREATE_LINK "${LibTorch_INCLUDE_DIR}/${_part}" "${_headers}/${_part}" SYMBOLIC)
  endforeach()
  target_include_directories(libtorch::libtorch SYSTEM INTERFACE
    "${_headers}" "${_headers}/torch/csrc/api/include")
  # An operator's declaration is included where it is used, and never all two thousand by a header of libtorch's.
  target_compile_definitions(libtorch::libtorch INTERFACE AT_PER_OPERATOR_HEADERS)
  get_filename_component(_lib "${LibTorch_CPU_LIBRARY}" DIRECTORY)
  # at::parallel_for runs on several threads only in code compiled for OpenMP, and that must share libtorch's pool: its
  # own copy of the run-time library is the one to link.
  find_library(LibTorch_GOMP_LIBRARY libgomp.so.1 HINTS "${_lib}")
  target_link_libraries(libtorch::libtorch INTERFACE "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}"
    "${LibTorch_GOMP_LIBRARY}")
  target_link_options(libtorch::libtorch INTERFACE "-Wl,-rpath,${_lib}")
  # The PyPI wheel is built for CUDA: its CPU library wants the CUDA run-time library loaded, and symbols of its
  # other (unused, not installed) CUDA libraries stay unresolved.
  file(GLOB _cuda_runtime "${_lib}/../../nvidia/cu13/lib")
  if(_cuda_runtime)
    target_link_options(libtorch::libtorch INTERFACE "-L${_cuda_runtime}" "-Wl,-rpath,${_cuda_runtime}"
      "-Wl,--no-as-needed" "-l:libcudart.so.13" "-l:libcupti.so.13" "-Wl,--as-needed"
      "-Wl,--unresolved-symbols=ignore-in-shared-libs")
  endif()
endif()

# libtorch::gpu: what code of ours on GPUs links with. libtorch's own GPU library is not linked but loaded when a GPU is asked
# for (LibTorch_GPU_LIBRARY), so that the program starts on machines without GPUs, cuDNN, cuBLAS and the rest.
if(SEQVIT_CUDA AND SEQVIT_HIP)
  message(FATAL_ERROR "SEQVIT_CUDA and SEQVIT_HIP: expected one, found both; a libtorch is built for one of them")
elseif(LibTorch_FOUND AND SEQVIT_CUDA AND NOT TARGET libtorch::gpu)
  find_package(CUDAToolkit 12 REQUIRED)
  find_library(LibTorch_GPU_LIBRARY torch_cuda HINTS "${_lib}" REQUIRED)
  find_library(LibTorch_C10_GPU_LIBRARY c10_cuda HINTS "${_lib}" REQUIRED)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} REQUIRED)
  add_library(libtorch::gpu INTERFACE IMPORTED)
  target_include_directories(libtorch::gpu SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS} "${NCCL_INCLUDE_DIR}")
  target_link_libraries(libtorch::gpu INTERFACE libtorch::libtorch "${LibTorch_C10_GPU_LIBRARY}" CUDA::cudart "${NCCL_LIBRARY}")
elseif(LibTorch_FOUND AND SEQVIT_HIP AND NOT TARGET libtorch::gpu)
  # Untested. libtorch must be of the ROCm found here: both load its run-time library.
  list(APPEND CMAKE_PREFIX_PATH $ENV{ROCM_PATH} /opt/rocm)
  find_package(hip REQUIRED)
  find_library(LibTorch_GPU_LIBRARY torch_hip HINTS "${_lib}" REQUIRED)
  find_library(LibTorch_C10_GPU_LIBRARY c10_hip HINTS "${_lib}" REQUIRED)
  find_path(RCCL_INCLUDE_DIR rccl/rccl.h REQUIRED)
  find_library(RCCL_LIBRARY rccl REQUIRED)
  add_library(libtorch::gpu INTERFACE IMPORTED)
  target_compile_definitions(libtorch::gpu INTERFACE SEQVIT_HIP USE_ROCM)
  target_include_directories(libtorch::gpu SYSTEM INTERFACE "${RCCL_INCLUDE_DIR}")
  target_link_libraries(libtorch::gpu INTERFACE libtorch::libtorch "${LibTorch_C10_GPU_LIBRARY}" hip::host "${RCCL_LIBRARY}")
endif()
