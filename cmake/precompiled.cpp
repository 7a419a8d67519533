// Nothing: carries headers that are compiled ahead (SeqvitPrecompiled.cmake).
