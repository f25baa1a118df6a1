/* interrupt MILLISECONDS PROGRAM ARGUMENT...: runs a program on this console, presses Ctrl-C after a
   while, and exits as the program does. Arguments must have no spaces. */
#include <wchar.h>
#include <windows.h>

int wmain(int count, wchar_t **arguments)
{
    wchar_t line[8192] = L"";
    if (count < 3) return 2;
    for (int index = 2; index < count; index++) {
        if (wcslen(line) + wcslen(arguments[index]) + 2 > 8192) return 2;
        if (index > 2) wcscat(line, L" ");
        wcscat(line, arguments[index]);
    }
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) return 3;
    Sleep(wcstoul(arguments[1], NULL, 10));
    /* Not for this program. */
    SetConsoleCtrlHandler(NULL, TRUE);
    if (!GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0)) return 4;
    WaitForSingleObject(process.hProcess, INFINITE);
    DWORD code = 5;
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}
