"""The kernel under Jupyter's own conformance tests (Debian's jupyter_kernel_test)."""
import unittest

import jupyter_kernel_test


class GoalgapKernelTests(jupyter_kernel_test.KernelTests):
    kernel_name = "goalgap"
    language_name = "go"
    file_extension = ".go"
    code_hello_world = 'fmt.Println("hello, world")'
    code_stderr = 'fmt.Fprintln(os.Stderr, "oops")'
    code_generate_error = "[]int{}[len(os.Args)*0]"
    code_execute_result = [{"code": "6 * 7", "result": "42"}, {"code": 'strings.ToUpper("go")', "result": "GO"}]
    code_display_data = [
        {"code": 'display.Show(display.HTML("<b>bold</b>"))', "mime": "text/html"},
        {"code": "display.Show(image.NewGray(image.Rect(0, 0, 2, 2)))", "mime": "image/png"},
        {"code": 'display.Show(display.SVG("<svg/>"))', "mime": "image/svg+xml"},
    ]
    complete_code_samples = ["x := 1", "for i := range 3 {\n\tfmt.Println(i)\n}"]
    incomplete_code_samples = ["for i := range 3 {", "fmt.Println("]
    invalid_code_samples = ["x := 1}"]
    code_clear_output = "display.Clear(false)"
    completion_samples = [
        {"text": "strings.ToUpperS", "matches": {"ToUpperSpecial"}},
        {"text": "fmt.Printl", "matches": {"Println"}},
    ]
    code_page_something = "fmt.Println?"
    code_inspect_sample = "fmt.Println"
    code_history_pattern = "6*7"
    supported_history_operations = ("tail", "range", "search")


if __name__ == "__main__":
    unittest.main(verbosity=2)
