# Builds that look for faults: ThreadSanitizer (tools/tsan.sh) and clang's libFuzzer with both other sanitizers (tools/fuzz.sh).
if(SEQVIT_TSAN)
  target_compile_options(seqvit_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(seqvit_flags INTERFACE -fsanitize=thread)
endif()
if(SEQVIT_FUZZ)
  target_compile_options(seqvit_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow
                                                -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(seqvit_flags INTERFACE -fsanitize=address,undefined)
endif()
