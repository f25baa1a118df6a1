/* hold FILE MILLISECONDS: keeps a file open as an editor does, so that nobody can remove it. */
#include <wchar.h>
#include <windows.h>

int wmain(int count, wchar_t **arguments)
{
    if (count != 3) return 2;
    HANDLE file = CreateFileW(arguments[1], GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                              OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) return 1;
    Sleep(wcstoul(arguments[2], NULL, 10));
    return 0;
}
