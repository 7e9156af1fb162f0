/* A shared object, but no plugin. */
__attribute__((visibility("default"))) int a_function(void);
int a_function(void)
{
    return 1;
}
