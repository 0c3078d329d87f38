// origin.go declares a function without a body, which the compiler allows only beside assembly.
