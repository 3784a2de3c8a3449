# Writes OUTPUT, a C++ source that holds the SQL files of MIGRATIONS (see schema/migrations.h).
set(edge "")
set(central "")
foreach(file IN LISTS MIGRATIONS)
  get_filename_component(name ${file} NAME)
  get_filename_component(folder ${file} DIRECTORY)
  get_filename_component(store ${folder} NAME)
  file(READ ${file} sql)
  string(APPEND ${store} "    Migration{\"${name}\", R\"SQL(${sql})SQL\"},\n")
endforeach()
set(text "#include \"schema/migrations.h\"\n\nnamespace edcsync::schema {\nnamespace {\n\n")
foreach(store edge central)
  string(APPEND text "const Migration k_${store}[] = {\n${${store}}};\n")
endforeach()
string(APPEND text "\n}  // namespace\n\n"
  "std::span<const Migration> EdgeMigrations() { return k_edge; }\n"
  "std::span<const Migration> CentralMigrations() { return k_central; }\n\n"
  "}  // namespace edcsync::schema\n")
file(WRITE ${OUTPUT} "${text}")
