/* spawn.c - how long programs take from start to end, and how much memory, compared fairly.
**
** spawn ROUNDS COMMAND… -- COMMAND… : runs the commands in turn, ROUNDS times each after a few that do not count, and
** prints for each one a line: its median in microseconds, and the most memory that it held at once, in KiB. In turn, so
** that whatever else the machine does falls on all.
*/
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 5, MOST_ROUNDS = 100000, MOST_COMMANDS = 8 };

static double microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The time of one run, and its memory, where that is the most so far; ends the program when the command cannot be run or
** fails. */
static double run(char **command, const posix_spawn_file_actions_t *actions, long *most) {
  double began = microseconds();
  pid_t child = 0;
  int status = 0;
  struct rusage used = {0};
  int error = posix_spawnp(&child, command[0], actions, NULL, command, environ);
  if (error != 0) {
    fprintf(stderr, "spawn: %s: %s\n", command[0], strerror(error));
    exit(1);
  }
  while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "spawn: %s: ended with wait status %d\n", command[0], status);
    exit(1);
  }
  if (used.ru_maxrss > *most) *most = used.ru_maxrss;
  return microseconds() - began;
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
  if (rounds < 1 || rounds > MOST_ROUNDS) {
    fprintf(stderr, "usage: spawn ROUNDS COMMAND... [-- COMMAND...]\n");
    return 2;
  }
  char **commands[MOST_COMMANDS] = {argv + 2};
  int count = 1;
  for (int i = 2; i < argc && count < MOST_COMMANDS; i++)
    if (strcmp(argv[i], "--") == 0) {
      argv[i] = NULL;
      commands[count++] = argv + i + 1;
    }

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);

  double *times = calloc((size_t)rounds * (size_t)count, sizeof *times);
  long memory[MOST_COMMANDS] = {0};
  if (times == NULL) return 1;
  for (long round = -WARM_UP; round < rounds; round++)
    for (int i = 0; i < count; i++) {
      double time = run(commands[i], &actions, &memory[i]);
      if (round >= 0) times[i * rounds + round] = time;
    }
  for (int i = 0; i < count; i++) {
    qsort(times + i * rounds, (size_t)rounds, sizeof *times, by_value);
    printf("%.1f %ld\n", times[i * rounds + rounds / 2], memory[i]);
  }
  free(times);
  posix_spawn_file_actions_destroy(&actions);
  return 0;
}
