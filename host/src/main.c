/* main.c - the fairlead program: a script or a chunk is run at once; every other word is a command of modules/cli.
**
** Ctrl-C is the program's business, not the library's: the first cancels the script, the second cuts its cleaning short, the
** third that nobody has acted on kills. SIGTERM likewise, and always means the whole program (a script can have Ctrl-C mean
** less: task.on_interrupt). The handler needs the one host of this process, hence the one global.
*/
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fairlead.h"

static fl_host *interrupted_host;

static void on_interrupt(int number) {
  int saved = errno;
  int count = number == SIGTERM ? fl_host_terminate(interrupted_host) : fl_host_interrupt(interrupted_host);
  if (count > 2) {
    signal(number, SIG_DFL);
    raise(number);
  }
  errno = saved;
}

static void catch_interrupts(fl_host *host) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  interrupted_host = host;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow (ulimit -f) is an error of whoever writes it */
}

/* Text that may come from elsewhere, without what would command a terminal: C0 controls but for line ends and tabs, DEL,
** and C1 controls, which are C2 80 to C2 9F in UTF-8. */
static void print_harmless(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)text[i];
    bool c1 = byte == 0xC2 && i + 1 < length && ((unsigned char)text[i + 1] & 0xE0) == 0x80;
    bool c0 = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    fputc(c0 || c1 ? '?' : byte, stderr);
    if (c1) i++;
  }
}

static void print_error(const fl_host *host) {
  const char *details;
  const fl_error *error = fl_host_error(host, &details);
  if (error->message[0] == '\0' || strcmp(error->kind, "exit") == 0) return;
  fputs("fairlead: ", stderr);
  print_harmless(error->message, strlen(error->message));
  fputc('\n', stderr);
  if (strncmp(error->kind, "script.", 7) == 0) return; /* its place is in the message */
  for (const char *line = details; *line != '\0';) {
    size_t length = strcspn(line, "\n");
    fputs("    ", stderr);
    print_harmless(line, length);
    fputc('\n', stderr);
    line += length + (line[length] == '\n');
  }
}

static int usage(const char *message) {
  fprintf(stderr, "fairlead: %s; `fairlead --help` lists what there is\n", message);
  return FL_USAGE;
}

/* A script's name has a dot or a slash in it; a command's has not. */
static bool names_script(const char *word) {
  return word[0] != '-' && strpbrk(word, "./") != NULL;
}

static bool take_memory_limit(int *argc, char ***argv, size_t *limit) {
  if (*argc < 3 || strcmp((*argv)[1], "--memory-limit") != 0) return true;
  char *end;
  long mib = strtol((*argv)[2], &end, 10);
  if (*end != '\0' || mib < 1 || mib > 1 << 20) return false;
  *limit = (size_t)mib << 20;
  *argc -= 2;
  *argv += 2;
  return true;
}

int main(int argc, char **argv) {
  static const char command_line[] = "=(command line)";
  static const char run_command[] = "return require('fairlead.cli').main{...}";
  fl_options options = {0};
  fl_error error;
  if (!take_memory_limit(&argc, &argv, &options.memory_limit)) return usage("--memory-limit takes a number of MiB");
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    printf("fairlead %s (%s)\n", FAIRLEAD_VERSION, LUA_RELEASE);
    return FL_DONE;
  }
  if (argc == 2 && strcmp(argv[1], "-e") == 0) return usage("-e needs a chunk of Lua");
  fl_host *host = fl_host_new(&options, &error);
  if (host == NULL) {
    fprintf(stderr, "fairlead: %s\n", error.message);
    return FL_FAILED;
  }
  catch_interrupts(host);
  int code;
  if (argc > 2 && strcmp(argv[1], "-e") == 0)
    code = fl_host_evaluate(host, argv[2], command_line, argc - 3, argv + 3);
  else if (argc > 1 && names_script(argv[1]))
    code = fl_host_run_file(host, argv[1], argc - 2, argv + 2);
  else
    code = fl_host_run_string(host, run_command, "=(fairlead)", argc - 1, argv + 1);
  if (code != FL_DONE) print_error(host);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  fl_host_close(host);
  return code;
}
