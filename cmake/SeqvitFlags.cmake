# What all targets are compiled with, beyond the build type's flags.
add_library(seqvit_flags INTERFACE)
target_compile_options(seqvit_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(SEQVIT_WERROR)
  target_compile_options(seqvit_flags INTERFACE -Werror)
endif()
if(SEQVIT_SANITIZE)
  target_compile_options(seqvit_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                                                -fno-omit-frame-pointer)
  target_link_options(seqvit_flags INTERFACE -fsanitize=address,undefined)
endif()

# For sources whose own speed nobody waits for, tests and the command line: CLI11 alone takes GCC twice as long at -O2. Not -O0: what they
# share with the layers (functions of templates) is linked in once, and it may be theirs.
add_library(seqvit_lightly_optimised INTERFACE)
target_compile_options(seqvit_lightly_optimised INTERFACE -O1)
