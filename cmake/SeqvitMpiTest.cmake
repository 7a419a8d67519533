# seqvit_mpi_test(NAME name RANKS n COMMAND program arg... [PASS regex] [FAIL regex] [LABELS label...]): one ctest entry
# that runs a program under mpirun. PASS and FAIL look at the output instead of the exit code, which mpirun's is then
# printed as "exit code N".
#
# Tests run on machines with few cores, often as root in a container: ranks are not bound and may outnumber the cores.
execute_process(COMMAND "${MPIEXEC_EXECUTABLE}" --version OUTPUT_VARIABLE _version ERROR_QUIET)
if(_version MATCHES "Open MPI|OpenRTE")
  set(SEQVIT_MPIRUN_FLAGS --allow-run-as-root --oversubscribe --bind-to none)
else()
  set(SEQVIT_MPIRUN_FLAGS)
endif()

function(seqvit_mpi_test)
  cmake_parse_arguments(ARG "" "NAME;RANKS;PASS;FAIL" "COMMAND;LABELS" ${ARGN})
  set(run "${MPIEXEC_EXECUTABLE}" ${MPIEXEC_NUMPROC_FLAG} ${ARG_RANKS} ${SEQVIT_MPIRUN_FLAGS} ${ARG_COMMAND})
  if(ARG_PASS OR ARG_FAIL)
    set(run sh -c "\"$@\" && echo exit code 0 || echo exit code $?" sh ${run})
  endif()
  add_test(NAME ${ARG_NAME} COMMAND ${run})
  set_tests_properties(${ARG_NAME} PROPERTIES
    ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1"
    PROCESSORS ${ARG_RANKS} TIMEOUT 300 LABELS "mpi;${ARG_LABELS}")
  if(ARG_PASS)
    set_tests_properties(${ARG_NAME} PROPERTIES PASS_REGULAR_EXPRESSION "${ARG_PASS}")
  endif()
  if(ARG_FAIL)
    set_tests_properties(${ARG_NAME} PROPERTIES FAIL_REGULAR_EXPRESSION "${ARG_FAIL}")
  endif()
endfunction()
