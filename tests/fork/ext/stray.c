/* An extension that counts references to None and int as code compiled for stock 3.11 does, and unpaired: built
   against the headers of upstream, loaded unmodified by the fork. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The compiler must not turn the loops into one addition. */
#define BARRIER() __asm__ volatile ("" ::: "memory")

static PyObject *
count(PyObject *self, PyObject *arg)
{
    long long n = PyLong_AsLongLong(arg);
    if (n == -1 && PyErr_Occurred()) {
        return NULL;
    }
    for (; n > 0; n--) {
        Py_INCREF(Py_None);
        BARRIER();
        Py_INCREF(&PyLong_Type);
        BARRIER();
    }
    for (; n < 0; n++) {
        Py_DECREF(Py_None);
        BARRIER();
        Py_DECREF(&PyLong_Type);
        BARRIER();
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"count", count, METH_O, NULL},
    {NULL, NULL, 0, NULL}
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "stray", .m_size = 0, .m_methods = methods
};

PyMODINIT_FUNC
PyInit_stray(void)
{
    return PyModuleDef_Init(&module);
}
