# Writes OUTPUT, a source file in which FUNCTION gives every DIRECTORY/*.xml as a stock filter.
file(GLOB files ${DIRECTORY}/*.xml)
list(SORT files)
set(rows "")
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND rows "    {\"${name}\", R\"stock(${text})stock\"},\n")
endforeach()
file(WRITE ${OUTPUT}
"// Made from *.xml of a folder by cmake/EmbedStockFilters.cmake.
#include \"host/library.h\"

namespace nwf::host {

const std::vector<StockFilter>& ${FUNCTION}() {
  static const std::vector<StockFilter> filters{
${rows}  };
  return filters;
}

}  // namespace nwf::host
")
